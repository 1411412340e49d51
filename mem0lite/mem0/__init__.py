"""What mem0 wrote: its configurations, and the memories of its folders and servers."""
