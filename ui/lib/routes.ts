/** The dashboard's own addresses. */
export const routes = {
  overview: "/ui/",
  keys: "/ui/keys/",
  models: "/ui/models/",
  playground: "/ui/playground/",
  login: "/ui/login/",
} as const;

export function loginUrl(next?: string): string {
  return next && next !== routes.overview ? `${routes.login}?next=${encodeURIComponent(next)}` : routes.login;
}

/** Where to go after signing in: only a page of the dashboard, never another site. */
export function afterLogin(next: string | null): string {
  return next && /^\/ui\/(?!\/)/.test(next) && !next.includes("\\") ? next : routes.overview;
}

export function keyUrl(hash: string): string {
  return `${routes.keys}?key=${encodeURIComponent(hash)}`;
}

export function playgroundUrl(model: string): string {
  return `${routes.playground}?model=${encodeURIComponent(model)}`;
}
