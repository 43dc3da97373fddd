import { describe, expect, it } from "vitest";
import {
  compactCount,
  contextWindow,
  duration,
  fromNow,
  parseTime,
  percent,
  usd,
  usdPerMillion,
} from "./format";

describe("usd", () => {
  it.each([
    [0, "$0.00"],
    [1234.5, "$1,234.50"],
    [0.5, "$0.50"],
    [0.123456, "$0.123"],
    [0.000123456, "$0.000123"],
    [0.0000000015, "$0.0000000015"],
    [0.99999, "$1.00"],
    [-2.5, "-$2.50"],
    [1_250_000, "$1.3M"],
  ])("%d is %s", (value, text) => expect(usd(value)).toBe(text));
});

describe("usdPerMillion", () => {
  it.each([
    [0.00000015, "$0.15"],
    [0.000003, "$3.00"],
    [3.75e-8, "$0.0375"],
    [0, "Free"],
    [null, "–"],
    [undefined, "–"],
  ])("%s per token is %s", (value, text) => expect(usdPerMillion(value)).toBe(text));
});

describe("duration", () => {
  it.each([
    [0, "0 ms"],
    [0.4, "0.40 ms"],
    [3.14, "3.1 ms"],
    [840.4, "840 ms"],
    [1240, "1.24 s"],
    [34_500, "34.5 s"],
    [125_000, "2 min 5 s"],
  ])("%d ms is %s", (value, text) => expect(duration(value)).toBe(text));
});

describe("contextWindow", () => {
  it.each([
    [128_000, "128K"],
    [131_072, "128K"],
    [8191, "8K"],
    [1_048_576, "1M"],
    [1_000_000, "1M"],
    [2_097_152, "2M"],
    [512, "512"],
    [null, "–"],
  ])("%s tokens are %s", (value, text) => expect(contextWindow(value)).toBe(text));
});

it("tells counts and shares", () => {
  expect(compactCount(9999)).toBe("9,999");
  expect(compactCount(12_345)).toBe("12.3K");
  expect(percent(0.0123)).toBe("1.2 %");
  expect(percent(0.42)).toBe("42 %");
});

describe("times", () => {
  const now = new Date("2026-03-01T12:00:00Z");

  it.each([
    ["2026-03-01T11:59:30Z", "just now"],
    ["2026-03-01T11:57:00Z", "3 minutes ago"],
    ["2026-02-28T12:00:00Z", "1 day ago"],
    ["2026-03-13T12:00:00Z", "in 12 days"],
    ["2026-03-01T12:00:20Z", "in under a minute"],
  ])("%s is %s", (value, text) => expect(fromNow(new Date(value), now)).toBe(text));

  it("reads timestamps without a zone as UTC", () => {
    expect(parseTime("2026-03-01 12:00:00")?.toISOString()).toBe("2026-03-01T12:00:00.000Z");
    expect(parseTime("2026-03-01T12:00:00.123456")?.toISOString()).toBe("2026-03-01T12:00:00.123Z");
    expect(parseTime("2026-03-01T14:00:00+02:00")?.toISOString()).toBe("2026-03-01T12:00:00.000Z");
    expect(parseTime("2026-03-01")?.toISOString()).toBe("2026-03-01T00:00:00.000Z");
    expect(parseTime("soon")).toBeNull();
    expect(parseTime(null)).toBeNull();
  });
});
