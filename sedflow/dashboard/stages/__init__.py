"""What a lesson shows beside its text: widgets and live figures, one module for each lesson."""
