/** Numbers, times and sizes as people read them. */

export const count = (n: number, one: string, many = `${one}s`) => `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`;

export const percent = ([part, all]: [number, number]) => (all === 0 ? '–' : `${Math.floor((100 * part) / all)} %`);

export function seconds(value: number | undefined): string {
  if (value === undefined) return '';
  if (value < 1) return `${Math.max(1, Math.round(value * 1000))} ms`;
  if (value < 60) return `${value.toFixed(1)} s`;
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

/** How long something is ago, in the largest unit that says enough. */
export function span(seconds: number): string {
  const units: [number, string][] = [[86400, 'day'], [3600, 'hour'], [60, 'minute']];
  for (const [size, name] of units) {
    if (seconds >= size * (name === 'day' ? 2 : 1)) return count(Math.floor(seconds / size), name);
  }
  return 'a moment';
}

export function ago(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? '' : `${span(Math.max(0, (Date.now() - at) / 1000))} ago`;
}

export function moment(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return '';
  return at.toLocaleString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}
