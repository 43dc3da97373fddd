"use client";

import { useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";

/** How a view's state is written into the query part of the address and read back. */
export interface UrlCodec<T> {
  parse: (params: URLSearchParams) => T;
  /** A default is written as `undefined`: it leaves no trace in the address. */
  write: (value: T) => Record<string, string | undefined>;
}

export function withState<T>(codec: UrlCodec<T>, search: string, value: T): string {
  const params = new URLSearchParams(search);
  for (const [name, text] of Object.entries(codec.write(value))) {
    if (text === undefined || text === "") params.delete(name);
    else params.set(name, text);
  }
  const query = params.toString();
  return query === "" ? "" : `?${query}`;
}

interface SetOptions {
  /** `push` makes a step for the back button; the default replaces the current one. */
  history?: "push" | "replace";
}

/**
 * State that lives in the address, so that every view can be shared as a link. Uses the History API, which the
 * router watches: no page payload is fetched for a changed filter.
 */
export function useUrlState<T>(codec: UrlCodec<T>): [T, (patch: Partial<T>, options?: SetOptions) => void] {
  const params = useSearchParams();
  const value = useMemo(() => codec.parse(new URLSearchParams(params)), [codec, params]);
  const set = useCallback(
    (patch: Partial<T>, options?: SetOptions) => {
      const { pathname, search } = window.location;
      const current = codec.parse(new URLSearchParams(search));
      const url = `${pathname}${withState(codec, search, { ...current, ...patch })}`;
      if (options?.history === "push") window.history.pushState(null, "", url);
      else window.history.replaceState(null, "", url);
    },
    [codec],
  );
  return [value, set];
}

/** A positive whole number from the address, or `fallback` for anything else. */
export function parsePage(text: string | null, fallback = 1): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 1 ? value : fallback;
}

/** One of the allowed words from the address, or `fallback`. */
export function parseChoice<T extends string>(text: string | null, allowed: readonly T[], fallback: T): T {
  return allowed.find((choice) => choice === text) ?? fallback;
}
