ALTER TABLE "sessions" ADD COLUMN "windows" jsonb;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "version" text;