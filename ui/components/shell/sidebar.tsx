"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";
import { Wordmark } from "@/components/brand";
import { cn } from "@/lib/cn";
import { routes } from "@/lib/routes";
import { isCurrent, ROOMS } from "./nav";
import { ServerStatus } from "./server-status";

export function SidebarContent({ onNavigate }: { onNavigate?: () => void }) {
  const pathname = usePathname();
  return (
    <>
      <Link
        href={routes.overview}
        onClick={onNavigate}
        className="mx-3 mt-3 mb-5 flex h-9 items-center rounded-md px-2 outline-none focus-visible:ring-2 focus-visible:ring-ring/70"
      >
        <Wordmark />
      </Link>
      <nav aria-label="Rooms" className="grid gap-0.5 px-3">
        {ROOMS.map((room) => {
          const current = isCurrent(room, pathname);
          return (
            <Link
              key={room.href}
              href={room.href}
              data-testid={room.testId}
              aria-current={current ? "page" : undefined}
              onClick={onNavigate}
              className={cn(
                "flex h-8.5 items-center gap-2.5 rounded-md px-2.5 text-[13px] font-medium transition-colors outline-none focus-visible:ring-2 focus-visible:ring-ring/70",
                current
                  ? "bg-foreground/6 text-foreground [&_svg]:text-brand"
                  : "text-muted-foreground hover:bg-foreground/4 hover:text-foreground",
              )}
            >
              <room.icon className="size-4" aria-hidden />
              {room.name}
            </Link>
          );
        })}
      </nav>
      <div className="mt-auto p-3">
        <ServerStatus />
      </div>
    </>
  );
}
