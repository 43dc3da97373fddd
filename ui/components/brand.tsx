import { cn } from "@/lib/cn";

/**
 * The mark: a hull in cross-section, split by two bulkheads. The middle compartment has taken water and the ship
 * stays afloat, which is what the gateway promises of its control plane.
 */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" fill="none" className={cn("size-6", className)} aria-hidden>
      <path d="M3 7.5A3.5 3.5 0 0 1 6.5 4H10v22.6C5.8 24.6 3 20.1 3 14.6V7.5Z" fill="currentColor" />
      <path d="M22 4h3.5A3.5 3.5 0 0 1 29 7.5v7.1c0 5.5-2.8 10-7 12V4Z" fill="currentColor" />
      <path d="M12.5 4h7v23.5a9.6 9.6 0 0 1-7 0V4Z" fill="currentColor" opacity="0.16" />
      <path d="M12.5 15.6c1.2-1.1 2.3-1.1 3.5 0s2.3 1.1 3.5 0v11.9a9.6 9.6 0 0 1-7 0V15.6Z" className="fill-brand" />
    </svg>
  );
}

export function Wordmark({ className }: { className?: string }) {
  return (
    <span className={cn("flex items-center gap-2.5", className)}>
      <Mark />
      <span className="text-[15px] font-semibold tracking-[-0.02em]">Bulkhead</span>
    </span>
  );
}
