import { useMemo, useSyncExternalStore } from "react";

/** What rooms need of `next/navigation`, over the History API of jsdom. */
const listeners = new Set<() => void>();

for (const name of ["pushState", "replaceState"] as const) {
  const original = window.history[name].bind(window.history);
  window.history[name] = (...args: Parameters<History["pushState"]>) => {
    original(...args);
    listeners.forEach((listener) => listener());
  };
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSearchParams(): URLSearchParams {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  return useMemo(() => new URLSearchParams(search), [search]);
}

export function usePathname(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname);
}

export function useRouter() {
  return {
    push: (url: string) => window.history.pushState(null, "", url),
    replace: (url: string) => window.history.replaceState(null, "", url),
  };
}
