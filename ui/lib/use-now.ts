"use client";

import { useEffect, useState } from "react";

const TICK_MS = 30_000;

/** The current time, renewed twice a minute, for "3 min. ago". */
export function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
