// Light or dark: what the system prefers until the reader says otherwise.

export type Theme = "light" | "dark";

const KEPT = "twin:theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

export function theme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return dark.matches ? "dark" : "light";
}

/** Apply the kept choice; call `changed` now and whenever the theme becomes another. */
export function watchTheme(changed: (theme: Theme) => void): void {
  const kept = recall();
  if (kept) document.documentElement.dataset["theme"] = kept;
  dark.addEventListener("change", () => changed(theme()));
  document.addEventListener("twin:theme", () => changed(theme()));
}

export function toggleTheme(): void {
  const next = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  try {
    localStorage.setItem(KEPT, next);
  } catch {
    // storage is closed to this page: the choice lasts until it is left
  }
  document.dispatchEvent(new Event("twin:theme"));
}

function recall(): string | null {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
