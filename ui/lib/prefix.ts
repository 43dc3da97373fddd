/**
 * The path under which everything is served, such as `/llm`, or nothing. The export carries a mark in its place, and whoever serves
 * it puts the path there (see `next.config.ts`). Pages get it from the router; every other address of this origin needs it.
 */
export const PREFIX = process.env.PREFIX ?? "";

/** An address of this origin that is not a page. */
export function under(path: string): string {
  return `${PREFIX}${path}`;
}

/** The path of a page as the router knows it, without the prefix. */
export function within(pathname: string): string {
  return PREFIX !== "" && pathname.startsWith(`${PREFIX}/`) ? pathname.replace(PREFIX, "") : pathname;
}
