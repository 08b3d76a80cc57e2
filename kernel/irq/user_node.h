/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kinds of nodes below /dev/irq share
 */
#include <linux/device.h>
#include <linux/irq_user_node.h>
#include <linux/mutex.h>

struct file;
struct inode;
struct irq_domain;

/**
 * struct irq_user_node - A node, /dev/irq/<device>/<name>
 * @dev:	The class device
 * @kind:	What the node is for
 * @path:	"<device>/<name>"
 * @name:	The end of @path
 * @lock:	Held by what must not happen after @gone is set
 * @gone:	The node is about to be removed
 * @irq:	Of a line: its number
 * @domain:	Of a line: its domain, which tells whether the number is still that line's
 * @hwirq:	Of a line: its number at the domain
 * @may_run_free: Of a line: whether files that are opened may let it run free
 * @start:	Of registers: their physical address
 * @size:	Of registers: number of bytes
 * @inode:	Of registers: its mapping has all that map them
 */
struct irq_user_node {
	struct device		dev;
	const struct irq_user_node_kind *kind;
	char			*path;
	const char		*name;
	struct mutex		lock;	/* see above */
	bool			gone;
	union {
		struct {
			unsigned int	irq;
			const struct irq_domain *domain;
			irq_hw_number_t	hwirq;
			bool		may_run_free;
		};
		struct {
			phys_addr_t	start;
			resource_size_t	size;
			struct inode	*inode;
		};
	};
};

#define to_irq_user_node(device) container_of(device, struct irq_user_node, dev)

/**
 * struct irq_user_node_kind - What a node is for
 * @type:	Its attributes, and what it adds to a uevent
 * @open:	Opens a file of the node. With the node's lock held, and not when it
 *		is gone
 * @end:	Takes the node's object from its users, when the node is gone
 * @release:	Frees what belongs to the kind alone
 */
struct irq_user_node_kind {
	const struct device_type type;
	int (*open)(struct irq_user_node *node, struct inode *inode, struct file *file);
	void (*end)(struct irq_user_node *node);
	void (*release)(struct irq_user_node *node);
};

extern const struct irq_user_node_kind irq_user_line_kind;
extern const struct irq_user_node_kind irq_user_mem_kind;

/* Has the node be that of a line. Returns 0, or -errno if user space must not own it. */
int irq_user_line_init(struct irq_user_node *node, const struct irq_user_line *line);

/* Gives the node what the registers' mappings hang on. Returns 0 or -errno. */
int irq_user_mem_init(struct irq_user_node *node, const struct irq_user_mem *mem);
