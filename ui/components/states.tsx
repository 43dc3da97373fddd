"use client";

import { CircleAlert, PlugZap, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { ApiError } from "@/lib/api/error";
import { cn } from "@/lib/cn";

interface EmptyProps {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
}

export function EmptyState({ icon: Icon, title, children, action, className }: EmptyProps) {
  return (
    <div className={cn("grid justify-items-center gap-4 px-6 py-16 text-center", className)}>
      <div className="grid size-11 place-items-center rounded-xl border bg-muted/60 text-muted-foreground">
        <Icon className="size-5" aria-hidden />
      </div>
      <div className="grid max-w-sm gap-1">
        <p className="text-sm font-medium">{title}</p>
        {children && <div className="text-[13px] leading-relaxed text-muted-foreground">{children}</div>}
      </div>
      {action}
    </div>
  );
}

interface LoadFailedProps {
  error: Error;
  retry: () => void;
  what: string;
  className?: string;
}

/** A view that could not be read: what went wrong in the server's words, and a way to ask again. */
export function LoadFailed({ error, retry, what, className }: LoadFailedProps) {
  const offline = error instanceof ApiError && error.isTransient;
  const Icon = offline ? PlugZap : CircleAlert;
  return (
    <div role="alert" className={cn("grid justify-items-center gap-4 px-6 py-14 text-center", className)}>
      <div className="grid size-11 place-items-center rounded-xl bg-destructive-soft text-destructive">
        <Icon className="size-5" aria-hidden />
      </div>
      <div className="grid max-w-md gap-1">
        <p className="text-sm font-medium">Could not load {what}</p>
        <p className="text-[13px] leading-relaxed text-muted-foreground">{error.message}</p>
      </div>
      <Button variant="outline" size="sm" onClick={retry}>
        Try again
      </Button>
    </div>
  );
}
