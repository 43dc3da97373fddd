import { cn } from "@/lib/cn";

interface MeterProps {
  value: number;
  max: number;
  label: string;
  className?: string;
}

/** How much of a bound is used; amber from 80 %, red from 100 %. */
export function Meter({ value, max, label, className }: MeterProps) {
  const share = max > 0 ? Math.min(Math.max(value / max, 0), 1) : 1;
  const tone = share >= 1 ? "bg-destructive" : share >= 0.8 ? "bg-warning" : "bg-brand";
  return (
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={value}
      className={cn("h-1.5 w-full overflow-hidden rounded-full bg-foreground/8", className)}
    >
      <div className={cn("h-full rounded-full transition-[width]", tone)} style={{ width: `${share * 100}%` }} />
    </div>
  );
}
