"use client";

import { KeyRound, LogOut } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect } from "react";
import {
  Command,
  CommandEmpty,
  CommandGroup,
  CommandInput,
  CommandItem,
  CommandList,
} from "@/components/ui/command";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { useSignOut } from "@/features/auth/api";
import { routes } from "@/lib/routes";
import { setTheme, THEMES } from "@/lib/theme";
import { ROOMS } from "./nav";
import { THEME_LABELS } from "./theme-toggle";

interface PaletteProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Ctrl K or ⌘ K: every room and the common actions, by name. */
export function CommandPalette({ open, onOpenChange }: PaletteProps) {
  const router = useRouter();
  const signOut = useSignOut();

  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      onOpenChange(!open);
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [open, onOpenChange]);

  function run(action: () => void) {
    onOpenChange(false);
    action();
  }

  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent
        closable={false}
        aria-describedby={undefined}
        className="top-[18vh] max-w-xl translate-y-0 overflow-hidden"
      >
        <DialogTitle className="sr-only">Commands</DialogTitle>
        <Command loop>
          <CommandInput placeholder="Go to a room, or do something…" className="h-12" />
          <CommandList className="max-h-[50vh]">
            <CommandEmpty>Nothing of that name.</CommandEmpty>
            <CommandGroup heading="Rooms">
              {ROOMS.map((room) => (
                <CommandItem key={room.href} onSelect={() => run(() => router.push(room.href))}>
                  <room.icon aria-hidden />
                  {room.name}
                </CommandItem>
              ))}
            </CommandGroup>
            <CommandGroup heading="Actions">
              <CommandItem onSelect={() => run(() => router.push(`${routes.keys}?create=1`))}>
                <KeyRound aria-hidden />
                Create a key
              </CommandItem>
              {THEMES.map((theme) => {
                const { label, icon: Icon } = THEME_LABELS[theme];
                return (
                  <CommandItem key={theme} onSelect={() => run(() => setTheme(theme))}>
                    <Icon aria-hidden />
                    {`Theme: ${label}`}
                  </CommandItem>
                );
              })}
              <CommandItem onSelect={() => run(() => signOut.mutate())}>
                <LogOut aria-hidden />
                Sign out
              </CommandItem>
            </CommandGroup>
          </CommandList>
        </Command>
      </DialogContent>
    </Dialog>
  );
}
