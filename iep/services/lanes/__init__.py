"""What moves images: the queue, its lanes, and what they write down."""
