--[[
  darktable: undo motion blur when photos are exported, by the command `unblur`.

  `unblur plugins install darktable` puts this file into darktable's folder lua/unblur, beside it
  command.lua, which says how the command is called, and a line into luarc that loads both. In the
  module export of the lighttable the target storage `unblur` then writes the result beside the
  photo, imports it and groups it with the photo. The photo itself is not touched.
]]

local dt = require "darktable"
local command = require "unblur/command"

local NAME = "unblur"
local WINDOWS = dt.configuration.running_os == "windows"
local SEPARATOR = WINDOWS and "\\" or "/"
local METHODS = { "auto", "network", "blind" }
-- 8 and 16 bits, or floating point; what darktable writes in other formats unblur may not read.
local FORMATS = { jpg = true, jpeg = true, png = true, tif = true, tiff = true }

local unblur = {}

-- A word as the shell reads it, whatever is in it.
local function quoted(word)
  if WINDOWS then
    return '"' .. word:gsub("%%", "%%%%"):gsub('"', '\\"') .. '"'
  end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

local function last_line(path)
  local said = ""
  local file = io.open(path, "r")
  if file then
    for line in file:lines() do
      if line ~= "" then
        said = line
      end
    end
    file:close()
  end
  return said
end

-- A name beside the photo that no file has yet: IMG_1.unblurred.tif, IMG_1.unblurred-2.tif.
function unblur.target_of(folder, filename, extension)
  local stem = filename:match("^(.+)%.[^.]*$") or filename
  local above = folder .. SEPARATOR .. stem .. ".unblurred"
  local target, number = above .. "." .. extension, 1
  while exists(target) do
    number = number + 1
    target = above .. "-" .. number .. "." .. extension
  end
  return target
end

-- The line for the shell that restores one file. What goes wrong is written to `complaints`.
function unblur.line_for(source, target, method, strength, complaints)
  local words = {}
  for _, word in ipairs(command) do
    words[#words + 1] = quoted(word)
  end
  local amount = string.format("%.2f", strength):gsub(",", ".")
  for _, word in ipairs({ "restore", source, "--out", target, "--method", method,
                          "--strength", amount, "--quiet" }) do
    words[#words + 1] = quoted(word)
  end
  local line = table.concat(words, " ") .. " 2> " .. quoted(complaints)
  -- cmd.exe takes the outermost quotes off.
  return WINDOWS and '"' .. line .. '"' or line
end

local method = dt.new_widget("combobox") {
  label = "method",
  tooltip = "auto: find the shake, where that can be trusted; network: several times as fast; "
    .. "blind: undo what was found in any case",
  value = 1,
  table.unpack(METHODS),
}

local strength = dt.new_widget("slider") {
  label = "strength",
  tooltip = "0 changes nothing, 1 restores in full",
  hard_min = 0,
  hard_max = 1,
  soft_min = 0,
  soft_max = 1,
  step = 0.05,
  digits = 2,
  value = 1,
}

local function supported(_, format)
  return FORMATS[format.extension] == true
end

local function initialize(_, _, _, _, extra)
  extra.method = METHODS[method.selected] or method.value
  extra.strength = strength.value
  extra.results = {}
end

-- Restores one exported file. darktable calls it in a thread of its own and shows a progress bar.
function unblur.store(_, image, format, exported, number, total, _, extra)
  local target = unblur.target_of(image.path, image.filename, format.extension)
  local complaints = exported .. ".unblur.txt"
  dt.print(string.format("undoing motion blur, %d of %d", number, total))
  local line = unblur.line_for(exported, target, extra.method, extra.strength, complaints)
  local status = dt.control.execute(line)
  local complaint = last_line(complaints)
  os.remove(complaints)
  os.remove(exported)
  if status ~= 0 or not exists(target) then
    if complaint == "" then
      complaint = "unblur: " .. command[1] .. " cannot be run; `unblur plugins install darktable`"
        .. " says it anew"
    end
    dt.print(complaint)
    dt.print_error(complaint)
    return
  end
  extra.results[#extra.results + 1] = { image = image, target = target }
end

-- Takes what was restored into the collection.
function unblur.finalize(_, _, extra)
  for _, result in ipairs(extra.results or {}) do
    local restored = dt.database.import(result.target)
    if restored then
      restored:group_with(result.image.group_leader)
      restored.rating = result.image.rating
    end
  end
  dt.print(string.format("motion blur undone: %d", #(extra.results or {})))
end

dt.register_storage(
  NAME,
  "unblur: undo motion blur",
  unblur.store,
  unblur.finalize,
  supported,
  initialize,
  dt.new_widget("box") { orientation = "vertical", method, strength }
)

-- For the script manager of darktable, which can switch scripts off.
unblur.destroy = function()
  dt.destroy_storage(NAME)
end

return unblur
