/** One colour for each group by its place; red, amber and green stay for states. */
const HUES = ["192", "238", "272", "300", "215", "330", "255", "180"] as const;

export function groupColor(index: number): string {
  const hue = HUES[index % HUES.length];
  return `oklch(${index % 2 === 0 ? 0.62 : 0.7} 0.11 ${hue})`;
}

/** Of what is in no group. */
export const OTHER_COLOR = "var(--muted-foreground)";
