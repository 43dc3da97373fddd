"use client";

import { AlertDialog as Primitive } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { DialogFooter, modalClasses, overlayClasses } from "./dialog";

interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description: ReactNode;
  confirmLabel: string;
  tone?: "primary" | "destructive";
  busy?: boolean;
  onConfirm: () => void;
  confirmProps?: ComponentProps<typeof Button> & { "data-testid"?: string };
}

/** A question that must be answered: no click outside closes it, and the safe answer has the focus. */
export function Confirm(props: ConfirmProps) {
  const { open, onOpenChange, title, description, confirmLabel, tone = "primary", busy, onConfirm } = props;
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className={overlayClasses} />
        <Primitive.Content className={cn(modalClasses, "max-w-md")}>
          <div className="grid gap-2 px-6 py-5">
            <Primitive.Title className="text-base font-semibold tracking-tight">{title}</Primitive.Title>
            <Primitive.Description asChild>
              <div className="text-[13px] leading-relaxed text-muted-foreground">{description}</div>
            </Primitive.Description>
          </div>
          <DialogFooter>
            <Primitive.Cancel asChild>
              <Button variant="outline">Cancel</Button>
            </Primitive.Cancel>
            <Button variant={tone} busy={busy} onClick={onConfirm} {...props.confirmProps}>
              {confirmLabel}
            </Button>
          </DialogFooter>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
