"use client";

import { ArrowUp, Square } from "lucide-react";
import { useState, type FormEvent, type KeyboardEvent } from "react";
import { Button } from "@/components/ui/button";

interface ComposerProps {
  busy: boolean;
  /** Why nothing can be sent yet, if so. */
  blocked: string | null;
  onSend: (question: string) => void;
  onStop: () => void;
}

export function Composer({ busy, blocked, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState("");
  const ready = !busy && blocked === null && text.trim() !== "";

  function send(event?: FormEvent) {
    event?.preventDefault();
    if (!ready) return;
    onSend(text.trim());
    setText("");
  }

  function onKeyDown(event: KeyboardEvent) {
    // while an input method is composing, Enter belongs to it
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  }

  return (
    <form onSubmit={send} className="px-4 pb-4 sm:px-6 sm:pb-6">
      <div className="mx-auto flex max-w-3xl items-end gap-2 rounded-xl border border-input bg-card p-2 shadow-sm transition-[border-color,box-shadow] focus-within:border-ring focus-within:ring-3 focus-within:ring-ring/20">
        <textarea
          data-testid="playground-input"
          aria-label="Message"
          placeholder="Ask anything…"
          rows={1}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          className="scroll-thin field-sizing-content max-h-48 min-h-9 flex-1 resize-none bg-transparent px-2 py-1.5 leading-relaxed outline-none placeholder:text-muted-foreground/80"
        />
        {busy ? (
          <Button size="icon" variant="secondary" aria-label="Stop" onClick={onStop} data-testid="playground-stop">
            <Square className="size-3.5 fill-current" />
          </Button>
        ) : (
          <Button size="icon" type="submit" aria-label="Send" disabled={!ready} data-testid="playground-send">
            <ArrowUp />
          </Button>
        )}
      </div>
      <p className="mx-auto mt-2 max-w-3xl px-1 text-[11px] text-muted-foreground">
        {blocked ?? "Enter sends, Shift Enter makes a new line. Calls here are charged like any other."}
      </p>
    </form>
  );
}
