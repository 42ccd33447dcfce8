-- The little of darktable's Lua interface that the script uses, for a Lua without darktable.
-- arg: folder `lua` of the configuration, exported file, the photo's folder, its name.

local said = {}
local imported = {}

local darktable = {
  configuration = { running_os = "linux" },
  print = function(text) said[#said + 1] = text end,
  print_error = function() end,
  new_widget = function(kind)
    return function(fields)
      fields.kind = kind
      if kind == "combobox" then fields.selected = 2 end -- `network`
      return fields
    end
  end,
  control = {
    execute = function(line)
      local _, _, status = os.execute(line)
      return status
    end,
  },
  database = {
    import = function(path)
      local image = { path = path, group_with = function(self, leader) self.leader = leader end }
      imported[#imported + 1] = image
      return image
    end,
  },
  register_storage = function(...) storage = { ... } end,
}

package.path = arg[1] .. "/?.lua;" .. package.path
package.preload["darktable"] = function() return darktable end
require "unblur/unblur"

local _, _, store, finalize, supported, initialize = table.unpack(storage)
local photo = { path = arg[3], filename = arg[4], rating = 3, group_leader = "the photo" }
local format = { extension = "png" }
assert(supported(nil, format) and not supported(nil, { extension = "exr" }))
local extra = {}
initialize(nil, format, {}, true, extra)
assert(extra.method == "network" and extra.strength == 1)
store(nil, photo, format, arg[2], 1, 1, true, extra)
finalize(nil, {}, extra)
for _, image in ipairs(imported) do
  assert(image.leader == "the photo" and image.rating == 3)
  print("imported", image.path)
end
for _, text in ipairs(said) do
  print("said", text)
end
