/** Light and dark: what the system says, unless the reader chose. */

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'kiln-docs-theme';

export function currentTheme(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

export function isDark(): boolean {
  const theme = currentTheme();
  return theme === 'dark' || (theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
}

/** Applies a choice and remembers it where the browser allows that. */
export function setTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Pages from disk may have no storage; then the choice lasts as long as the page.
  }
  dispatchEvent(new Event('kiln-theme'));
}
