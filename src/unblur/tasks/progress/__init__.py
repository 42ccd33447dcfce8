"""How far a photo is: what is being done with it, and how long it will take yet."""
