"use client";

import { Toaster as Sonner } from "sonner";
import { useTheme } from "@/lib/theme";

export function Toaster() {
  const { shown } = useTheme();
  return (
    <Sonner
      theme={shown}
      position="bottom-right"
      toastOptions={{
        classNames: {
          toast: "!rounded-lg !border-border !bg-popover !font-sans !text-[13px] !text-foreground !shadow-lg",
          description: "!text-muted-foreground",
        },
      }}
    />
  );
}
