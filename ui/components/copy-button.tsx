"use client";

import { Check, Copy } from "lucide-react";
import { useEffect, useState, type ComponentProps } from "react";
import { toast } from "sonner";
import { Button } from "@/components/ui/button";

const SHOWN_MS = 1600;

interface CopyButtonProps extends Omit<ComponentProps<typeof Button>, "children" | "onCopy"> {
  text: string;
  label: string;
  /** Shows the label next to the icon instead of telling it to screen readers only. */
  labelled?: boolean;
  onCopied?: () => void;
}

export function CopyButton({ text, label, labelled, onCopied, ...props }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  async function copy() {
    if (await copyText(text)) {
      setCopied(true);
      onCopied?.();
    } else {
      toast.error("The browser did not allow copying", { description: "Select the text and copy it by hand." });
    }
  }

  const Icon = copied ? Check : Copy;
  return (
    <Button
      variant={labelled ? "outline" : "ghost"}
      size={labelled ? "md" : "icon-sm"}
      aria-label={labelled ? undefined : label}
      title={labelled ? undefined : label}
      onClick={copy}
      {...props}
    >
      <Icon className={copied ? "text-success" : undefined} aria-hidden />
      {labelled && <span aria-live="polite">{copied ? "Copied" : label}</span>}
    </Button>
  );
}

/** The clipboard API exists only on https and localhost; elsewhere an invisible field does it. */
async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // refused: try the old way
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.style.cssText = "position:fixed;opacity:0";
  const host = document.querySelector('[role="dialog"]') ?? document.body;
  host.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
