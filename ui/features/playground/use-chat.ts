"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "@/lib/api/error";
import { toChatBody, type Settings, type Turn } from "./schema";
import { streamChat } from "./stream";

interface Ask {
  question: string;
  model: string;
  key: string;
  /** Another key in the place of one that has run out; `null` when the user pasted it. */
  renewKey: (() => Promise<string>) | null;
  settings: Settings;
}

/** The conversation and the one request that may be under way. */
export function useChat() {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController | null>(null);
  const lastId = useRef(0);

  const patch = useCallback((id: number, change: (turn: Turn) => Partial<Turn>) => {
    setTurns((all) => all.map((turn) => (turn.id === id ? { ...turn, ...change(turn) } : turn)));
  }, []);

  // leaving the room leaves the request
  useEffect(() => () => running.current?.abort(), []);

  async function ask({ question, model, key, renewKey, settings }: Ask) {
    const controller = new AbortController();
    const id = ++lastId.current;
    const body = toChatBody(model, settings, turns, question);
    running.current = controller;
    setBusy(true);
    setTurns((all) => [
      ...all,
      { id, question, model, answer: "", reasoning: "", state: "waiting", error: null, metrics: null },
    ]);
    const stream = (withKey: string) =>
      streamChat({
        body,
        key: withKey,
        signal: controller.signal,
        now: () => performance.now(),
        onDelta: (delta) =>
          patch(id, (turn) => ({
            state: "streaming",
            answer: turn.answer + delta.text,
            reasoning: turn.reasoning + delta.reasoning,
          })),
      });
    try {
      const metrics = await stream(key).catch(async (cause: unknown) => {
        // session keys end after an hour, and when another tab takes a new one
        const ended = cause instanceof ApiError && cause.isSignedOut;
        if (!ended || renewKey === null) throw cause;
        return stream(await renewKey());
      });
      patch(id, () => ({ state: "done", metrics }));
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : String(cause);
      patch(id, () => (controller.signal.aborted ? { state: "stopped" } : { state: "failed", error }));
    } finally {
      running.current = null;
      setBusy(false);
    }
  }

  const stop = useCallback(() => running.current?.abort(), []);
  const clear = useCallback(() => {
    running.current?.abort();
    setTurns([]);
  }, []);

  return { turns, busy, ask, stop, clear };
}
