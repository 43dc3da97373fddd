"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { toast } from "sonner";
import { api, unwrap } from "@/lib/api/client";
import { ApiError } from "@/lib/api/error";
import { routes } from "@/lib/routes";

export interface Credentials {
  username: string;
  password: string;
}

/** The session lives in an HttpOnly cookie: scripts never see it, they only learn whether it is accepted. */
export function useSession() {
  return useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => unwrap(api.GET("/session", { signal })),
    staleTime: Infinity,
  });
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Credentials) => unwrap(api.POST("/v2/login", { body })),
    onSuccess: () => client.clear(),
  });
}

export function useSignOut() {
  const client = useQueryClient();
  const router = useRouter();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/session/logout", {})),
    onSettled: (_data, error) => {
      if (error && !(error instanceof ApiError && error.isSignedOut)) {
        toast.error("Could not sign out", { description: error.message });
        return;
      }
      client.clear();
      router.replace(routes.login);
    },
  });
}

/** What to tell someone who could not sign in. */
export function signInMessage(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  if (error.status === 401) return "Wrong username or password.";
  if (error.status === 429) {
    const wait = error.retryAfterSeconds;
    return `Too many attempts. Try again ${wait ? `in ${wait} seconds` : "in a while"}.`;
  }
  return error.message;
}
