"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { toChatBody, type Settings, type Turn } from "./schema";
import { streamChat } from "./stream";

interface Ask {
  question: string;
  model: string;
  key: string;
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

  async function ask({ question, model, key, settings }: Ask) {
    const controller = new AbortController();
    const id = ++lastId.current;
    const body = toChatBody(model, settings, turns, question);
    running.current = controller;
    setBusy(true);
    setTurns((all) => [
      ...all,
      { id, question, model, answer: "", reasoning: "", state: "waiting", error: null, metrics: null },
    ]);
    try {
      const metrics = await streamChat({
        body,
        key,
        signal: controller.signal,
        now: () => performance.now(),
        onDelta: (delta) =>
          patch(id, (turn) => ({
            state: "streaming",
            answer: turn.answer + delta.text,
            reasoning: turn.reasoning + delta.reasoning,
          })),
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
