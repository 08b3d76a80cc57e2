/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declarations that the kinds of nodes below /dev/irq share
 */
#include <linux/device.h>
#include <linux/irq_user_node.h>
#include <linux/list.h>
#include <linux/mutex.h>

struct file;
struct inode;

/**
 * struct irq_user_node - A node, /dev/irq/<device>/<name>
 * @dev:	The class device
 * @kind:	Whether the node is for a line or for registers
 * @path:	"<device>/<name>"
 * @name:	The end of @path
 * @gone:	The node is being removed
 * @irq:	Of a line: its number
 * @line_gone:	Of a line: the line went away, and @irq may be another line's
 * @entry:	Of a line: among the nodes of lines
 * @may_run_free: Of a line: whether files opened from now on may let it run free
 * @start:	Of registers: their physical address
 * @size:	Of registers: number of bytes
 * @nonposted:	Of registers: as ioremap_np() maps them
 * @inode:	Of registers: all files of the node use its mapping
 */
struct irq_user_node {
	struct device		dev;
	const struct irq_user_node_kind *kind;
	char			*path;
	const char		*name;
	/** @lock: Held during operations that must not run after @gone is set */
	struct mutex		lock;
	bool			gone;
	union {
		struct {
			unsigned int	irq;
			bool		line_gone;
			bool		may_run_free;
			struct list_head entry;
		};
		struct {
			phys_addr_t	start;
			resource_size_t	size;
			bool		nonposted;
			struct inode	*inode;
		};
	};
};

#define to_irq_user_node(device) container_of(device, struct irq_user_node, dev)

/**
 * struct irq_user_node_kind - A kind of nodes: lines or registers
 * @type:	Attributes of the kind, and variables that it adds to a uevent
 * @open:	Opens a file of the node. Called with the node's lock held and @gone false
 * @end:	Takes the line or the registers from their users. Called after @gone is set
 * @release:	Frees fields that only this kind has
 */
struct irq_user_node_kind {
	const struct device_type type;
	int (*open)(struct irq_user_node *node, struct inode *inode, struct file *file);
	void (*end)(struct irq_user_node *node);
	void (*release)(struct irq_user_node *node);
};

extern const struct irq_user_node_kind irq_user_line_kind;
extern const struct irq_user_node_kind irq_user_mem_kind;

/* Makes the node a line's. Returns 0, or -errno if user space must not own the line. */
int irq_user_line_init(struct irq_user_node *node, const struct irq_user_line *line);

/* Makes the node that of registers, and gives it an inode. Returns 0 or -errno. */
int irq_user_mem_init(struct irq_user_node *node, const struct irq_user_mem *mem);
