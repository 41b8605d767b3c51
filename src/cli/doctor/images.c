/* The images that sessions get: whether they are there, whole, and young enough. */
#include <fcntl.h>
#include <pwd.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/check-host.h"
#include "cli/doctor/doctor.h"
#include "cli/enable/accounts.h"
#include "cli/image/exposed.h"
#include "cli/image/how.h"
#include "cli/spawn.h"
#include "image/image.h"
#include "image/info.h"
#include "image/tools.h"
#include "plan/hostroot.h"
#include "plan/policy.h"
#include "run/store/hostroot.h"
#include "run/store/image.h"
#include "run/store/load.h"

enum { IMAGE_OLD_DAYS = 90, IMAGES_MOST = 64 };

struct stale {
	unsigned n;
	char first[512];
};

static void on_stale(void *arg, const char *path, const char *why)
{
	struct stale *stale = arg;
	if (stale->n++ == 0)
		snprintf(stale->first, sizeof stale->first, "%s %s", path, why);
}

/* The host's security updates don't reach the copies of its programs in an image. */
static void check_tools(struct gk_doctor *d, const char *image, struct json_object *info)
{
	struct stale stale = { 0 };
	if (gk_tools_stale(info, on_stale, &stale) > 0)
		gk_found(d, GK_FOUND_WARN, "tools",
			gk_arena_printf(&d->arena,
				"gocker image tools %s scp (any one renews all that are there)",
				image),
			"%s has programs older than the host's: %s%s", image, stale.first,
			stale.n > 1 ? ", and more" : "");
}

/* What brings an image up to date depends on what it was made of. */
static const char *how_to_renew(struct gk_doctor *d, const char *image, struct json_object *info)
{
	const char *from = gk_info_get(info, "from");
	bool alpine = strncmp(gk_info_get(info, "os"), "Alpine", 6) == 0;
	if (strcmp(from, "registry") == 0)
		return gk_arena_printf(&d->arena, "gocker image update %s", image);
	if (strcmp(from, "fetch") == 0)
		return gk_arena_printf(&d->arena,
			"gocker image fetch %s, or gocker image edit %s apk upgrade", image, image);
	return gk_arena_printf(&d->arena, "make it again, or gocker image edit %s%s", image,
		alpine ? " apk upgrade" : "");
}

/* A release that gets no fixes any more is old however young the image is. */
static void check_release(struct gk_doctor *d, const char *image, struct json_object *info)
{
	const char *os = gk_info_get(info, "os"), *until = gk_alpine_ended(os);
	if (!until)
		return;
	bool fetched = strcmp(gk_info_get(info, "from"), "fetch") == 0;
	gk_found(d, GK_FOUND_WARN, "image",
		fetched ? gk_arena_printf(&d->arena,
				  "gocker image fetch %s, from a mirror with a newer release%s",
				  image,
				  json_object_object_get_ex(info, "edited", NULL) ?
					  "; then make your edits again" :
					  "") :
			  "make it again of a newer release",
		"%s is %s, which gets no security fixes since %s", image, os, until);
}

static void check_age(struct gk_doctor *d, const char *image, int version_fd)
{
	struct gk_err err = GK_ERR_INIT;
	struct tm tm = { 0 };
	gk_autoinfo struct json_object *info =
		version_fd < 0 ? NULL : gk_info_read(version_fd, &err);
	if (!info || !strptime(gk_info_get(info, "made"), "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		gk_found(d, GK_FOUND_WARN, "image",
			"gocker image import, so that it can be verified",
			"%s is a plain directory of unknown age", image);
		return;
	}
	check_tools(d, image, info);
	check_release(d, image, info);
	long days = (long)((time(NULL) - timegm(&tm)) / 86400);
	if (days > IMAGE_OLD_DAYS)
		gk_found(d, GK_FOUND_WARN, "image", how_to_renew(d, image, info),
			"%s is %ld days old", image, days);
	static const char gocker[] = GK_BINDIR "/gocker";
	const char *argv[] = { gocker, "image", "verify", image, NULL };
	if (gk_spawn_quietly(argv) != 0)
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "image",
			gk_arena_printf(&d->arena,
				"gocker image verify %s says what differs; then make it again",
				image),
			"%s is not as it was made", image);
	else
		gk_found(d, GK_FOUND_OK | GK_TRIED, "image", NULL,
			"%s is as it was made, %ld days ago", image, days);
}

/* ---- image = host ---- */

static void on_allow(void *arg, const char *reason, const char *hint)
{
	gk_found(arg, GK_FOUND_WARN, "image", hint, "%s", reason);
}

static void on_exposed(void *arg, const char *path, const char *why)
{
	(void)path;
	(void)why;
	++*(size_t *)arg;
}

/* Homes in a directory that every session sees: their names, and what others may read in them. */
static void check_homes_seen(struct gk_doctor *d, const struct gk_hostroot *host, uint64_t min_uid)
{
	size_t n = 0;
	const char *first = NULL, *dir = NULL;
	setpwent();
	for (const struct passwd *pw; (pw = getpwent());) {
		const struct gk_host_item *item = (uint64_t)pw->pw_uid < min_uid ?
			NULL :
			gk_host_dir_around(host, pw->pw_dir);
		struct stat st;
		if (!item || stat(pw->pw_dir, &st) < 0 || st.st_uid != pw->pw_uid)
			continue;
		if (n++ == 0) {
			first = gk_arena_strdup(&d->arena, pw->pw_dir);
			dir = item->path;
		}
	}
	endpwent();
	if (n)
		gk_found(d, GK_FOUND_WARN, "image",
			gk_arena_printf(&d->arena,
				"a line !DIRECTORY in " GK_HOST_ALLOW_PATH
				" for the directory of homes in %s",
				dir),
			"host: every session sees %s%s", first ? first : "a home",
			n > 1 ? " and other homes" : "");
}

static bool is_merged(void)
{
	struct stat st;
	return lstat("/bin", &st) == 0 && S_ISLNK(st.st_mode);
}

/* Made of the host's own files at each login: there is nothing to verify, but what is seen. */
static void check_host_image(struct gk_doctor *d, uint64_t min_uid)
{
	struct gk_err err = GK_ERR_INIT;
	struct gk_hostroot host;
	size_t exposed = 0, parts = 0;
	if (gk_hostroot_survey(&d->arena, &host, &err) < 0) {
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "image",
			"correct that; every login with image = host is refused", "%s", err.msg);
		return;
	}
	gk_check_allow(&host, &d->arena, on_allow, d);
	check_homes_seen(d, &host, min_uid);
	(void)gk_exposed_find(&host, NULL, on_exposed, &exposed);
	if (exposed)
		gk_found(d, GK_FOUND_WARN, "image",
			"gocker image show host lists them; use chmod o-r, or a line !PATH "
			"in " GK_HOST_ALLOW_PATH,
			"host: %zu file%s that sessions see may be secret", exposed,
			exposed == 1 ? "" : "s");
	for (size_t i = 0; i < host.n; i++)
		parts += !host.items[i].left_out;
	gk_found(d, GK_FOUND_OK, "image", NULL, "host is made of %zu parts of this host (%s /usr)",
		parts, is_merged() ? "merged" : "/bin, /sbin and /lib* beside");
}

static void check_image(struct gk_doctor *d, const struct gk_policy *policy, const char *image)
{
	struct gk_err err = GK_ERR_INIT;
	const char *program, *machine;
	gk_autoclose int root = -1, lock = -1;
	if (strcmp(image, GK_IMAGE_HOST) == 0)
		check_host_image(d, policy->min_uid);
	else if (gk_image_open(policy->image_dir, image, 0, &root, &lock, &err) < 0)
		gk_found(d, GK_FOUND_BAD, "image",
			gk_arena_printf(&d->arena,
				"gocker image list shows those that are there; else %s",
				gk_image_how(&d->arena, image)),
			"%s", err.msg);
	else if ((machine = gk_image_other_machine(root, &program)))
		gk_found(d, GK_FOUND_BAD | GK_TRIED, "image",
			"gocker image import, of an image for this machine",
			"%s is for another machine: its %s is a program for %s", image, program,
			machine);
	else
		check_age(d, image, lock);
}

/* The images that the configuration names, or the one of the user. */
void gk_doctor_images(struct gk_doctor *d)
{
	static const struct gk_identity nobody = {
		.uid = 65534, .gid = 65534, .name = "", .home = "/", .shell = "", .gecos = ""
	};
	struct gk_err err = GK_ERR_INIT;
	struct gk_policy policy;
	const char *seen[IMAGES_MOST];
	size_t n = 0;
	if (!d->have_config || gk_policy_for(&d->config, &nobody, &d->arena, &policy, &err) < 0)
		return;
	seen[n++] = policy.image;
	for (size_t i = 0; i < d->config.nsections && !d->user; i++) {
		const struct gk_section *s = &d->config.sections[i];
		for (size_t k = 0; k < s->nsettings && n < IMAGES_MOST; k++)
			if (s->settings[k].key == GK_KEY_IMAGE)
				seen[n++] = s->settings[k].value;
	}
	if (d->have_policy)
		seen[0] = d->policy.image;
	for (size_t i = 0; i < n; i++) {
		size_t first = 0;
		while (strcmp(seen[first], seen[i]) != 0)
			first++;
		if (first == i)
			check_image(d, &policy, seen[i]);
	}
}
