"use client";

import { useSyncExternalStore } from "react";

export const THEMES = ["light", "dark", "system"] as const;
export type Theme = (typeof THEMES)[number];

/** The same name stands in `public/ui/theme.js`, which runs before the first paint. */
const STORAGE_KEY = "bulkhead.theme";
const SYSTEM_DARK = "(prefers-color-scheme: dark)";

const listeners = new Set<() => void>();

function stored(): Theme {
  try {
    const value = localStorage.getItem(STORAGE_KEY);
    return THEMES.find((theme) => theme === value) ?? "system";
  } catch {
    return "system";
  }
}

function isDark(theme: Theme): boolean {
  return theme === "dark" || (theme === "system" && matchMedia(SYSTEM_DARK).matches);
}

function apply(): void {
  document.documentElement.classList.toggle("dark", isDark(stored()));
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  const media = matchMedia(SYSTEM_DARK);
  listeners.add(listener);
  media.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  return () => {
    listeners.delete(listener);
    media.removeEventListener("change", apply);
    window.removeEventListener("storage", apply);
  };
}

export function setTheme(theme: Theme): void {
  try {
    localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // storage may be forbidden: the choice then lasts until the next load
  }
  apply();
}

/** `theme` is what was chosen, `shown` what that means at this moment. */
export function useTheme(): { theme: Theme; shown: "light" | "dark" } {
  const theme = useSyncExternalStore(subscribe, stored, () => "system" as const);
  const dark = useSyncExternalStore(
    subscribe,
    () => document.documentElement.classList.contains("dark"),
    () => false,
  );
  return { theme, shown: dark ? "dark" : "light" };
}
