/** What a page without data shows: a place to open artifacts, kiln's or dbt's. */

import { useState } from 'preact/hooks';
import type { Artifacts } from '../artifacts';
import { Mark } from '../app';
import { openFiles } from '../load';

export function OpenPage({ onOpen }: { onOpen: (artifacts: Artifacts) => void }) {
  const [problem, setProblem] = useState('');
  const open = (files: FileList | null | undefined) => {
    if (!files || files.length === 0) return;
    openFiles(files).then(onOpen, (error: Error) => setProblem(error.message));
  };
  return (
    <div
      class="open-page"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        open(event.dataTransfer?.files);
      }}
    >
      <Mark />
      <h1>Open a project</h1>
      <p>
        There is no data beside this page. Run <code>kiln docs generate</code> to make it, or drop <code>manifest.json</code> here,
        with <code>catalog.json</code>, <code>run_results.json</code> and <code>sources.json</code> if you have them. Files made by
        dbt work too. They stay on this computer.
      </p>
      <label class="button">
        Choose files
        <input type="file" multiple accept=".json" onChange={(event) => open(event.currentTarget.files)} />
      </label>
      {problem && <p class="problem" role="alert">{problem}</p>}
    </div>
  );
}
