CREATE TABLE `audit_outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`payload` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `deleted_projects` (
	`id` text PRIMARY KEY NOT NULL,
	`deleted_at` integer NOT NULL
);
