"use client";

import { ChevronsUpDown, X } from "lucide-react";
import { useState, type ComponentProps } from "react";
import { Command, CommandEmpty, CommandGroup, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { fieldClasses } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";

interface ModelPickerProps extends Omit<ComponentProps<"button">, "value" | "onChange"> {
  options: string[];
  value: string[];
  onChange: (value: string[]) => void;
  placeholder: string;
}

/** Several models by name; a pattern such as `openai/*` that is not in the list can be typed. */
export function ModelPicker({ options, value, onChange, placeholder, className, ...control }: ModelPickerProps) {
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const typed = query.trim();
  const offered = options.filter((option) => !value.includes(option));
  const canAdd = typed !== "" && !options.includes(typed) && !value.includes(typed);

  function add(model: string) {
    onChange([...value, model]);
    setQuery("");
  }

  return (
    <div className="grid gap-2">
      <Popover open={open} onOpenChange={setOpen}>
        <PopoverTrigger
          {...control}
          type="button"
          className={cn(fieldClasses, "flex h-9 items-center justify-between gap-2 text-left", className)}
        >
          <span className={value.length === 0 ? "text-muted-foreground" : undefined}>
            {value.length === 0 ? placeholder : `${value.length} selected`}
          </span>
          <ChevronsUpDown className="size-3.5 text-muted-foreground" aria-hidden />
        </PopoverTrigger>
        <PopoverContent className="w-(--radix-popover-trigger-width) p-0">
          <Command>
            <CommandInput value={query} onValueChange={setQuery} placeholder="Search, or type a pattern…" />
            <CommandList className="max-h-56">
              {!canAdd && <CommandEmpty>No other model of that name.</CommandEmpty>}
              <CommandGroup>
                {offered.map((option) => (
                  <CommandItem key={option} value={option} onSelect={() => add(option)}>
                    {option}
                  </CommandItem>
                ))}
                {canAdd && (
                  <CommandItem value={typed} onSelect={() => add(typed)}>
                    Add “{typed}”
                  </CommandItem>
                )}
              </CommandGroup>
            </CommandList>
          </Command>
        </PopoverContent>
      </Popover>
      {value.length > 0 && (
        <ul className="flex flex-wrap gap-1.5">
          {value.map((model) => (
            <li key={model} className="flex h-6 items-center gap-0.5 rounded-md border bg-muted/60 pl-2 text-xs">
              {model}
              <button
                type="button"
                aria-label={`Remove ${model}`}
                onClick={() => onChange(value.filter((each) => each !== model))}
                className="grid size-5.5 place-items-center rounded text-muted-foreground outline-none hover:text-foreground focus-visible:ring-2 focus-visible:ring-ring/70"
              >
                <X className="size-3" aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
