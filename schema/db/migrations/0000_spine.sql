CREATE TABLE "effects" (
	"key" text PRIMARY KEY NOT NULL,
	"tenant_id" text NOT NULL,
	"state" text NOT NULL,
	"claimed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 1 NOT NULL,
	"done_at" timestamp with time zone,
	"result" jsonb
);
--> statement-breakpoint
CREATE TABLE "events" (
	"tenant_id" text NOT NULL,
	"mission_id" text NOT NULL,
	"seq" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"task_id" text,
	"type" text NOT NULL,
	"message" text NOT NULL,
	"source" text NOT NULL,
	CONSTRAINT "events_tenant_id_mission_id_seq_pk" PRIMARY KEY("tenant_id","mission_id","seq")
);
--> statement-breakpoint
CREATE TABLE "forge_issues" (
	"tenant_id" text NOT NULL,
	"repository_id" text NOT NULL,
	"number" integer NOT NULL,
	"marker" text NOT NULL,
	"title" text NOT NULL,
	"body" text NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"comment" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"closed_at" timestamp with time zone,
	CONSTRAINT "forge_issues_repository_id_number_pk" PRIMARY KEY("repository_id","number")
);
--> statement-breakpoint
CREATE TABLE "forge_numbers" (
	"repository_id" text PRIMARY KEY NOT NULL,
	"last" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "forge_pull_requests" (
	"tenant_id" text NOT NULL,
	"repository_id" text NOT NULL,
	"number" integer NOT NULL,
	"branch" text NOT NULL,
	"base" text NOT NULL,
	"title" text NOT NULL,
	"body" text NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"head_sha" text,
	"merge_sha" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"merged_at" timestamp with time zone,
	CONSTRAINT "forge_pull_requests_repository_id_number_pk" PRIMARY KEY("repository_id","number")
);
--> statement-breakpoint
CREATE TABLE "forge_reviews" (
	"tenant_id" text NOT NULL,
	"repository_id" text NOT NULL,
	"pull_request" integer NOT NULL,
	"author" text NOT NULL,
	"sha" text NOT NULL,
	"verdict" text NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "forge_reviews_repository_id_pull_request_author_sha_pk" PRIMARY KEY("repository_id","pull_request","author","sha")
);
--> statement-breakpoint
CREATE TABLE "forge_statuses" (
	"tenant_id" text NOT NULL,
	"repository_id" text NOT NULL,
	"sha" text NOT NULL,
	"context" text NOT NULL,
	"state" text NOT NULL,
	"excerpt" text,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "forge_statuses_repository_id_sha_context_pk" PRIMARY KEY("repository_id","sha","context")
);
--> statement-breakpoint
CREATE TABLE "installation" (
	"id" text PRIMARY KEY NOT NULL,
	"only" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "installation_only_unique" UNIQUE("only")
);
--> statement-breakpoint
CREATE TABLE "missions" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"title" text NOT NULL,
	"status" text NOT NULL,
	"repository_id" text NOT NULL,
	"file_hash" text NOT NULL,
	"file" jsonb NOT NULL,
	"plan" jsonb NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"view" jsonb NOT NULL,
	"view_seq" integer DEFAULT 0 NOT NULL,
	"event_seq" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "missions_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "reviews" (
	"tenant_id" text NOT NULL,
	"mission_id" text NOT NULL,
	"task_id" text NOT NULL,
	"engine" text NOT NULL,
	"sha" text NOT NULL,
	"verdict" text NOT NULL,
	"summary" text NOT NULL,
	"findings" jsonb NOT NULL,
	CONSTRAINT "reviews_tenant_id_mission_id_task_id_engine_sha_pk" PRIMARY KEY("tenant_id","mission_id","task_id","engine","sha")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"mission_id" text NOT NULL,
	"task_id" text NOT NULL,
	"host" text NOT NULL,
	"role" text NOT NULL,
	"runtime" text NOT NULL,
	"end" text NOT NULL,
	"exit_code" integer,
	"started_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone NOT NULL,
	CONSTRAINT "sessions_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "tasks" (
	"tenant_id" text NOT NULL,
	"mission_id" text NOT NULL,
	"id" text NOT NULL,
	"host" text NOT NULL,
	"position" integer NOT NULL,
	"status" text NOT NULL,
	"waits_for" text,
	"view" jsonb NOT NULL,
	"view_seq" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "tasks_tenant_id_mission_id_id_pk" PRIMARY KEY("tenant_id","mission_id","id")
);
--> statement-breakpoint
CREATE TABLE "tokens" (
	"hash" text PRIMARY KEY NOT NULL,
	"tenant_id" text NOT NULL,
	"name" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "events_source" ON "events" USING btree ("tenant_id","source");--> statement-breakpoint
CREATE UNIQUE INDEX "forge_issues_marker" ON "forge_issues" USING btree ("repository_id","marker");--> statement-breakpoint
CREATE UNIQUE INDEX "forge_pull_requests_open" ON "forge_pull_requests" USING btree ("repository_id","branch") WHERE state <> 'closed';--> statement-breakpoint
CREATE INDEX "missions_newest" ON "missions" USING btree ("tenant_id","created_at" DESC NULLS LAST,"id");--> statement-breakpoint
CREATE INDEX "sessions_task" ON "sessions" USING btree ("tenant_id","mission_id","task_id");--> statement-breakpoint
CREATE INDEX "tasks_waiting" ON "tasks" USING btree ("tenant_id","waits_for");--> statement-breakpoint
CREATE UNIQUE INDEX "tokens_name" ON "tokens" USING btree ("tenant_id","name");