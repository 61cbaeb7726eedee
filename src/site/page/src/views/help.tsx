/** Keys and selector syntax. */

import { METHOD_NAMES } from '../select';
import { Dialog } from './dialog';

const KEYS: [string[], string][] = [
  [['/'], 'Search'],
  [['g'], 'Graph'],
  [['?'], 'This help'],
  [['Esc'], 'Close'],
  [['↑', '↓', 'Enter'], 'Move through results and open one'],
  [['←', '→', '↑', '↓'], 'In the graph: move between nodes'],
  [['Enter'], 'In the graph: open the node'],
  [['f'], 'In the graph: focus on the node'],
  [['+', '−', '0'], 'In the graph: zoom, show all'],
];

const EXAMPLES: [string, string][] = [
  ['orders', 'a node by name; * and ? stand for any letters'],
  ['+orders', 'with everything upstream of it'],
  ['orders+2', 'with two steps downstream'],
  ['@orders', 'with its descendants and all that they need'],
  ['tag:daily,path:models/marts', 'a comma: both must hold'],
  ['tag:daily source:crm', 'a space: either'],
  ['marts --exclude tag:old', 'without some'],
];

export function Help({ close }: { close: () => void }) {
  return (
    <Dialog label="Help" close={close}>
      <div class="help">
        <h2>Keyboard</h2>
        <dl class="keys">
          {KEYS.map(([keys, text]) => (
            <div key={text}>
              <dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <h2>Selecting in the graph</h2>
        <dl class="keys">
          {EXAMPLES.map(([example, text]) => (
            <div key={example}>
              <dt><code>{example}</code></dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <p class="muted">Methods: {METHOD_NAMES.map((name, at) => <>{at > 0 && ' '}<code key={name}>{name}:</code></>)}</p>
      </div>
    </Dialog>
  );
}
