-- Tell whether a task is to be sent for jobs that are left: 0 or 1.
-- ARGV what asking takes
return tasks_for(to_ask(ARGV), 1)
