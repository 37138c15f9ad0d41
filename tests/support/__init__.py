"""What tests are written with: repositories, tmux servers and the command line, all real."""
