/** The graph around one item, inside of its page. */

import { useMemo, useState } from 'preact/hooks';
import type { Item, Project } from '../model';
import { graphHref } from '../router';
import { Cards } from './cards';
import { itemsAround, sceneOf } from './scene';

/** So many on each side; the rest are one click away. */
const MOST_A_SIDE = 14;

export function Neighborhood({ project, focus }: { project: Project; focus: Item }) {
  const [openUp, setUp] = useState<string[]>([]);
  const [openDown, setDown] = useState<string[]>([]);
  const scene = useMemo(() => {
    const near = new Set([focus, ...inGraph(focus.parents), ...inGraph(focus.children)]);
    const opened = itemsAround(focus, { up: 0, down: 0, openUp, openDown });
    return sceneOf(new Set([...near, ...opened]), focus);
  }, [project, focus, openUp, openDown]);
  const height = Math.max(200, Math.min(460, scene.height + 32));
  const open = (item: Item, direction: 'up' | 'down') => {
    const isMany = (direction === 'up' ? item.parents : item.children).length > MOST_A_SIDE;
    if (isMany) location.hash = graphHref({ focus: item.id, up: direction === 'up' ? 1 : 0, down: direction === 'down' ? 1 : 0 });
    else if (direction === 'up') setUp([...openUp, item.id]);
    else setDown([...openDown, item.id]);
  };
  return (
    <div style={{ height: `${height}px` }}>
      <Cards
        scene={scene}
        label={`Lineage of ${focus.label}`}
        isEmbedded
        onOpen={open}
        onFocus={(item) => (location.hash = graphHref({ focus: item.id, up: 2, down: 2 }))}
      />
    </div>
  );
}

const inGraph = (items: Item[]) => items.filter((item) => item.ix >= 0).slice(0, MOST_A_SIDE);
