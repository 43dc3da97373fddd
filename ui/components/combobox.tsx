"use client";

import { Check, ChevronsUpDown } from "lucide-react";
import { useState, type ComponentProps } from "react";
import { Command, CommandEmpty, CommandGroup, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { fieldClasses } from "@/components/ui/input";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { cn } from "@/lib/cn";

interface ComboboxProps extends Omit<ComponentProps<"button">, "value" | "onChange"> {
  options: string[];
  value: string;
  onChange: (value: string) => void;
  placeholder: string;
  searchLabel: string;
}

/** One choice of many, found by typing. */
export function Combobox({ options, value, onChange, placeholder, searchLabel, className, ...control }: ComboboxProps) {
  const [open, setOpen] = useState(false);
  return (
    <Popover open={open} onOpenChange={setOpen}>
      <PopoverTrigger
        {...control}
        type="button"
        role="combobox"
        aria-expanded={open}
        className={cn(fieldClasses, "flex h-9 items-center justify-between gap-2 text-left", className)}
      >
        <span className={cn("truncate", value === "" && "text-muted-foreground")}>{value || placeholder}</span>
        <ChevronsUpDown className="size-3.5 shrink-0 text-muted-foreground" aria-hidden />
      </PopoverTrigger>
      <PopoverContent className="w-(--radix-popover-trigger-width) min-w-60 p-0">
        <Command defaultValue={value}>
          <CommandInput placeholder={searchLabel} />
          <CommandList>
            <CommandEmpty>Nothing of that name.</CommandEmpty>
            <CommandGroup>
              {options.map((option) => (
                <CommandItem
                  key={option}
                  value={option}
                  onSelect={() => {
                    onChange(option);
                    setOpen(false);
                  }}
                >
                  <span className="truncate">{option}</span>
                  {option === value && <Check className="ml-auto" aria-hidden />}
                </CommandItem>
              ))}
            </CommandGroup>
          </CommandList>
        </Command>
      </PopoverContent>
    </Popover>
  );
}
