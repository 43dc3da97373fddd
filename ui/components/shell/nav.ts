import { Boxes, ChartColumnStacked, KeyRound, LayoutDashboard, MessagesSquare, type LucideIcon } from "lucide-react";
import { routes } from "@/lib/routes";

export interface Room {
  name: string;
  href: string;
  icon: LucideIcon;
  testId: string;
}

/** The rooms of the dashboard, in the order of the sidebar. A new one is a row here and a route file. */
export const ROOMS: readonly Room[] = [
  { name: "Overview", href: routes.overview, icon: LayoutDashboard, testId: "nav-overview" },
  { name: "Usage", href: routes.usage, icon: ChartColumnStacked, testId: "nav-usage" },
  { name: "Keys", href: routes.keys, icon: KeyRound, testId: "nav-keys" },
  { name: "Models", href: routes.models, icon: Boxes, testId: "nav-models" },
  { name: "Playground", href: routes.playground, icon: MessagesSquare, testId: "nav-playground" },
];

export function isCurrent(room: Room, pathname: string): boolean {
  const here = pathname.endsWith("/") ? pathname : `${pathname}/`;
  return room.href === routes.overview ? here === room.href : here.startsWith(room.href);
}
