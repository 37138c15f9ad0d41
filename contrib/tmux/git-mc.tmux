# git mc in tmux: a picker and more in popups, and how the jobs stand in the status line.
#
# `git mc install tmux` has tmux read this. By hand, at the end of ~/.tmux.conf:
#
#     source-file ~/path/to/git-mc.tmux
#
# The prefix and then `g` waits for one more key:
#
#     p  pick a job: see its terminal, go to it, or do something with it
#     o  the overview
#     j  the list of jobs, live
#     l  the log, live
#
# The status line tells of each repository how many jobs run, wait for a person and failed, in
# `#{E:@mc_status}`. It is set by git mc itself when something happens; no program is run for it at
# intervals. It goes to the end of status-right; write it yourself wherever else you want it.
#
# A key that is bound already is left as it is. Set these options before the line above:
#
#     set -g @mc_key g              the key after the prefix; "" for none
#     set -g @mc_pick_key p         the keys after that; "" for none
#     set -g @mc_overview_key o
#     set -g @mc_jobs_key j
#     set -g @mc_log_key l
#     set -g @mc_popup_width 90%
#     set -g @mc_popup_height 85%
#     set -g @mc_segment on         off: status-right is left as it is
#     set -g @mc_style_running fg=blue
#     set -g @mc_style_waiting fg=yellow,bold
#     set -g @mc_style_failed fg=red
#     set -g @mc_command "git mc"   how git mc is called
#
# Needs tmux 3.2 or newer.

set-option -goq @mc_key g
set-option -goq @mc_pick_key p
set-option -goq @mc_overview_key o
set-option -goq @mc_jobs_key j
set-option -goq @mc_log_key l
set-option -goq @mc_popup_width 90%
set-option -goq @mc_popup_height 85%
set-option -goq @mc_segment on
set-option -goq @mc_style_running fg=blue
set-option -goq @mc_style_waiting fg=yellow,bold
set-option -goq @mc_style_failed fg=red
set-option -goq @mc_command "git mc"

if-shell -F "#{@mc_key}" {
    if-shell "tmux list-keys -T prefix #{q:@mc_key} 2>/dev/null | grep -qv 'switch-client -T git-mc'" {
        display-message "git mc: prefix #{@mc_key} is bound already; set @mc_key to another key"
    } {
        run-shell -C "bind-key -T prefix '#{@mc_key}' switch-client -T git-mc"
    }
}
if-shell -F "#{@mc_pick_key}" {
    run-shell -C "bind-key -T git-mc '#{@mc_pick_key}' display-popup -E -w '#{@mc_popup_width}' -h '#{@mc_popup_height}' -d '##{pane_current_path}' '#{@mc_command} pick'"
}
if-shell -F "#{@mc_overview_key}" {
    run-shell -C "bind-key -T git-mc '#{@mc_overview_key}' display-popup -w '#{@mc_popup_width}' -h '#{@mc_popup_height}' -d '##{pane_current_path}' '#{@mc_command} overview'"
}
if-shell -F "#{@mc_jobs_key}" {
    run-shell -C "bind-key -T git-mc '#{@mc_jobs_key}' display-popup -E -w '#{@mc_popup_width}' -h '#{@mc_popup_height}' -d '##{pane_current_path}' '#{@mc_command} jobs --watch'"
}
if-shell -F "#{@mc_log_key}" {
    run-shell -C "bind-key -T git-mc '#{@mc_log_key}' display-popup -E -w '#{@mc_popup_width}' -h '#{@mc_popup_height}' -d '##{pane_current_path}' '#{@mc_command} log --follow'"
}

if-shell -F "#{&&:#{==:#{@mc_segment},on},#{!=:#{m:*@mc_status*,#{status-right}},1}}" {
    set-option -ga status-right "#{E:@mc_status}"
    if-shell -F "#{==:#{status-right-length},40}" "set-option -g status-right-length 100"
}
