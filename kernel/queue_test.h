/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What queue_test.c needs of KUnit, for kernels built without it: the cases
 * run when the module is loaded, their results go to the kernel log as KTAP,
 * and loading fails if one of them did.
 */
#ifndef _STACQ_QUEUE_TEST_H
#define _STACQ_QUEUE_TEST_H

#if IS_ENABLED(CONFIG_KUNIT)

#include <kunit/test.h>

#else

struct kunit {
	const char *name;
	bool failed;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(fn)	{ .run_case = fn, .name = #fn }

#define KUNIT_EXPECT_TRUE(test, cond) \
	kunit_expect(test, __LINE__, #cond, !!(cond), "true", 1)

#define KUNIT_EXPECT_EQ(test, a, b) \
	kunit_expect(test, __LINE__, #a, a, #b, b)

static inline void kunit_expect(struct kunit *test, int line,
				const char *a_text, long long a,
				const char *b_text, long long b)
{
	if (a == b)
		return;
	test->failed = true;
	pr_info("# %s: line %d: %s is %lld, not %s, %lld\n", test->name, line,
		a_text, a, b_text, b);
}

static inline int kunit_run_suite(const struct kunit_suite *suite)
{
	struct kunit_case *c;
	int n = 0, failed = 0;

	for (c = suite->test_cases; c->run_case; c++)
		n++;
	pr_info("KTAP version 1\n");
	pr_info("1..%d\n", n);
	for (c = suite->test_cases, n = 1; c->run_case; c++, n++) {
		struct kunit test = { .name = c->name };

		c->run_case(&test);
		failed += test.failed;
		pr_info("%sok %d - %s.%s\n", test.failed ? "not " : "", n,
			suite->name, c->name);
	}
	return failed ? -EINVAL : 0;
}

#endif /* CONFIG_KUNIT */

#endif /* _STACQ_QUEUE_TEST_H */
