"""Programs that run a DEHNet, behind one interface."""
