ALTER TABLE "sessions" ADD COLUMN "outcome" text;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "model" text;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "input_tokens" bigint;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "cached_tokens" bigint;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "output_tokens" bigint;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "cost" double precision;--> statement-breakpoint
CREATE INDEX "sessions_ended" ON "sessions" USING btree ("tenant_id","ended_at");