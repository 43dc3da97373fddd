"use client";

import { LogOut, Menu, Search } from "lucide-react";
import { usePathname } from "next/navigation";
import { Mark } from "@/components/brand";
import { Button } from "@/components/ui/button";
import { useSignOut } from "@/features/auth/api";
import { isCurrent, ROOMS } from "./nav";
import { ThemeToggle } from "./theme-toggle";

interface TopbarProps {
  onMenu: () => void;
  onSearch: () => void;
}

export function Topbar({ onMenu, onSearch }: TopbarProps) {
  const pathname = usePathname();
  const signOut = useSignOut();
  const room = ROOMS.find((candidate) => isCurrent(candidate, pathname));
  return (
    <header className="sticky top-0 z-30 flex h-14 shrink-0 items-center gap-2 border-b bg-background/85 px-3 backdrop-blur-md sm:px-5">
      <Button variant="ghost" size="icon" className="lg:hidden" aria-label="Open the menu" onClick={onMenu}>
        <Menu />
      </Button>
      <span className="flex items-center gap-2 text-[13px] font-medium lg:hidden">
        <Mark className="size-5" />
        {room?.name}
      </span>
      <button
        type="button"
        onClick={onSearch}
        className="hidden h-8.5 w-72 items-center gap-2.5 rounded-md border bg-card px-3 text-[13px] text-muted-foreground shadow-xs transition-colors outline-none hover:border-input hover:text-foreground focus-visible:ring-2 focus-visible:ring-ring/70 sm:max-lg:ml-4 sm:flex"
      >
        <Search className="size-3.5" aria-hidden />
        Go to, or do…
        <kbd className="ml-auto rounded border bg-muted px-1.5 font-mono text-[10px] leading-4.5">Ctrl K</kbd>
      </button>
      <div className="ml-auto flex items-center gap-1">
        <Button variant="ghost" size="icon" className="sm:hidden" aria-label="Search" onClick={onSearch}>
          <Search />
        </Button>
        <ThemeToggle />
        <span className="mx-1.5 h-5 w-px bg-border" aria-hidden />
        <Button
          variant="ghost"
          busy={signOut.isPending}
          onClick={() => signOut.mutate()}
          data-testid="sign-out"
          aria-label="Sign out"
        >
          {!signOut.isPending && <LogOut aria-hidden />}
          <span className="hidden sm:inline">Sign out</span>
        </Button>
      </div>
    </header>
  );
}
