// SPDX-License-Identifier: GPL-2.0

#include <linux/cacheinfo.h>
#include <linux/irq_user.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

__rust_helper bool rust_helper_cpu_dcache_is_aliasing(void)
{
	return cpu_dcache_is_aliasing();
}

/* Also if the scheduler can wait until this thread returns to user space */
__rust_helper bool rust_helper_need_resched_lazy(void)
{
	return need_resched() || tif_test_bit(TIF_NEED_RESCHED_LAZY);
}

__rust_helper int
rust_helper_copy_struct_from_user(void *dst, size_t ksize, const void __user *src, size_t usize)
{
	return copy_struct_from_user(dst, ksize, src, usize);
}

/* As copy_to_user(), but for a known size. Returns whether all was copied. */
__rust_helper bool rust_helper_put_user_record(const struct irq_user_record *record,
					       struct irq_user_record __user *to)
{
	might_fault();
	to = untagged_addr(to);
	scoped_user_write_access(to, efault) {
		unsafe_put_user(record->count, &to->count, efault);
		unsafe_put_user(record->flags, &to->flags, efault);
		unsafe_put_user(record->total, &to->total, efault);
		unsafe_put_user(record->first, &to->first, efault);
		unsafe_put_user(record->last, &to->last, efault);
	}
	return true;

efault:
	return false;
}
