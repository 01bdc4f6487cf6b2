"""Reading and writing of video files, including their sound."""
