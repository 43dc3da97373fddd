/** The dashboard's own pages, as the router knows them: without the prefix under which they may be served. */
export const routes = {
  overview: "/ui/",
  usage: "/ui/usage/",
  keys: "/ui/keys/",
  models: "/ui/models/",
  playground: "/ui/playground/",
  login: "/ui/login/",
  onboarding: "/ui/onboarding/",
} as const;

export function loginUrl(next?: string): string {
  return next && next !== routes.overview ? `${routes.login}?next=${encodeURIComponent(next)}` : routes.login;
}

/** The page behind an invitation's link, which leads to `/ui/?invitation_id=…` as the surface has it. */
export function onboardingUrl(invitation: string): string {
  return `${routes.onboarding}?invitation_id=${encodeURIComponent(invitation)}`;
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
