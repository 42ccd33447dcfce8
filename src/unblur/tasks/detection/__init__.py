"""Does a detector see more after restoring?"""
