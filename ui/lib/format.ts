/** How numbers and times are written in the dashboard. Pure; `now` always comes in as an argument. */

const LOCALE = "en-US";

const integer = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });

export function count(value: number): string {
  return integer.format(value);
}

/** 1,234 stays as it is; from 10,000 on it becomes 12.3K. */
export function compactCount(value: number): string {
  return Math.abs(value) < 10_000 ? integer.format(value) : compact.format(value);
}

/**
 * US dollars. Two decimals from one dollar on; below that as many as show three significant digits, since a
 * single call often costs a fraction of a cent.
 */
export function usd(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "$0.00";
  const sign = value < 0 ? "-" : "";
  if (size >= 100_000) return `${sign}$${compact.format(size)}`;
  if (size >= 1) {
    return `${sign}$${size.toLocaleString(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  }
  const decimals = Math.min(12, Math.max(2, 2 - Math.floor(Math.log10(size))));
  const [whole = "0", fraction = ""] = size.toFixed(decimals).split(".");
  return `${sign}$${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** A price per token, told per million tokens: 0.00000015 becomes $0.15. */
export function usdPerMillion(perToken: number | null | undefined): string {
  if (perToken === null || perToken === undefined) return "–";
  const perMillion = Number((perToken * 1_000_000).toPrecision(9));
  return perMillion === 0 ? "Free" : usd(perMillion);
}

/** Milliseconds: 840 ms, 1.24 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (ms < 1) return `${ms.toFixed(ms === 0 ? 0 : 2)} ms`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(value < 0.1 ? 2 : 1) : Math.round(value)} %`;
}

/** 128,000 and 131,072 are both "128K", 1,048,576 is "1M": context windows are known by their round names. */
export function contextWindow(tokens: number | null | undefined): string {
  if (!tokens) return "–";
  if (tokens < 1000) return String(tokens);
  const unit = tokens % 1000 !== 0 && tokens % 1024 === 0 ? 1024 : 1000;
  const thousands = tokens / unit;
  return thousands < 1000 ? `${Math.round(thousands)}K` : `${Number((thousands / unit).toFixed(1))}M`;
}

const dateTime = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const dayOnly = new Intl.DateTimeFormat(LOCALE, { month: "short", day: "numeric" });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "always", style: "long" });

export function formatDateTime(date: Date): string {
  return dateTime.format(date);
}

/** "Mar 1" */
export function formatDay(date: Date): string {
  return dayOnly.format(date);
}

/** Hours and minutes, 24-hour clock. */
export function formatClock(date: Date): string {
  return clock.format(date);
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 minutes ago", "in 12 days"; under a minute it is "just now". */
export function fromNow(date: Date, now: Date): string {
  const seconds = (date.getTime() - now.getTime()) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 0 ? "in under a minute" : "just now";
}

/** A server's timestamp as a date; one without a zone is UTC. `null` for absent or unreadable ones. */
export function parseTime(value: string | null | undefined): Date | null {
  if (!value) return null;
  const text = value.trim().replace(" ", "T");
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(text) || !text.includes("T") ? text : `${text}Z`;
  const date = new Date(zoned);
  return Number.isNaN(date.getTime()) ? null : date;
}
