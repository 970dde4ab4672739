import type { LucideIcon } from 'lucide-react'
import Activity from 'lucide-react/icons/activity'
import ArrowDown from 'lucide-react/icons/arrow-down'
import ArrowLeft from 'lucide-react/icons/arrow-left'
import ArrowRight from 'lucide-react/icons/arrow-right'
import ArrowUp from 'lucide-react/icons/arrow-up'
import Box from 'lucide-react/icons/box'
import ChartSpline from 'lucide-react/icons/chart-spline'
import Check from 'lucide-react/icons/check'
import ChevronDown from 'lucide-react/icons/chevron-down'
import ChevronRight from 'lucide-react/icons/chevron-right'
import ChevronsUpDown from 'lucide-react/icons/chevrons-up-down'
import Clock from 'lucide-react/icons/clock'
import Copy from 'lucide-react/icons/copy'
import Download from 'lucide-react/icons/download'
import Ellipsis from 'lucide-react/icons/ellipsis'
import ExternalLink from 'lucide-react/icons/external-link'
import GripVertical from 'lucide-react/icons/grip-vertical'
import History from 'lucide-react/icons/history'
import Info from 'lucide-react/icons/info'
import KeyRound from 'lucide-react/icons/key-round'
import Keyboard from 'lucide-react/icons/keyboard'
import Link from 'lucide-react/icons/link'
import ListFilter from 'lucide-react/icons/list-filter'
import ListTree from 'lucide-react/icons/list-tree'
import LogOut from 'lucide-react/icons/log-out'
import Monitor from 'lucide-react/icons/monitor'
import Moon from 'lucide-react/icons/moon'
import PanelRight from 'lucide-react/icons/panel-right'
import Pause from 'lucide-react/icons/pause'
import Pencil from 'lucide-react/icons/pencil'
import Play from 'lucide-react/icons/play'
import Plus from 'lucide-react/icons/plus'
import RotateCw from 'lucide-react/icons/rotate-cw'
import Search from 'lucide-react/icons/search'
import Settings2 from 'lucide-react/icons/settings-2'
import Shield from 'lucide-react/icons/shield'
import Sun from 'lucide-react/icons/sun'
import Table2 from 'lucide-react/icons/table-2'
import Trash2 from 'lucide-react/icons/trash-2'
import TriangleAlert from 'lucide-react/icons/triangle-alert'
import Undo2 from 'lucide-react/icons/undo-2'
import Upload from 'lucide-react/icons/upload'
import User from 'lucide-react/icons/user'
import Users from 'lucide-react/icons/users'
import X from 'lucide-react/icons/x'

// Each from a module of its own: the package's front door loads all 1,700 of them in Node.

interface IconProps {
  readonly className?: string
}

/** 16 px, more where the reader's text is larger (`.lucide`), one line weight, always beside words or inside a labelled control: so hidden from screen readers. */
function icon(Drawing: LucideIcon) {
  return function Icon({ className = '' }: IconProps) {
    return (
      <Drawing size={16} strokeWidth={1.5} absoluteStrokeWidth aria-hidden="true" className={`shrink-0 ${className}`} />
    )
  }
}

export const ChevronIcon = /* @__PURE__ */ icon(ChevronRight)
export const ChevronDownIcon = /* @__PURE__ */ icon(ChevronDown)
export const SortIcon = /* @__PURE__ */ icon(ChevronsUpDown)
export const CopyIcon = /* @__PURE__ */ icon(Copy)
export const CheckIcon = /* @__PURE__ */ icon(Check)
export const PauseIcon = /* @__PURE__ */ icon(Pause)
export const PlayIcon = /* @__PURE__ */ icon(Play)
export const UpIcon = /* @__PURE__ */ icon(ArrowUp)
export const DownIcon = /* @__PURE__ */ icon(ArrowDown)
export const LeftIcon = /* @__PURE__ */ icon(ArrowLeft)
export const RightIcon = /* @__PURE__ */ icon(ArrowRight)
export const DownloadIcon = /* @__PURE__ */ icon(Download)
export const UploadIcon = /* @__PURE__ */ icon(Upload)
export const BranchesIcon = /* @__PURE__ */ icon(ListTree)
export const CloseIcon = /* @__PURE__ */ icon(X)
export const SearchIcon = /* @__PURE__ */ icon(Search)
export const FilterIcon = /* @__PURE__ */ icon(ListFilter)
export const SettingsIcon = /* @__PURE__ */ icon(Settings2)
export const MoreIcon = /* @__PURE__ */ icon(Ellipsis)
export const PlusIcon = /* @__PURE__ */ icon(Plus)
export const EditIcon = /* @__PURE__ */ icon(Pencil)
export const DeleteIcon = /* @__PURE__ */ icon(Trash2)
export const UndoIcon = /* @__PURE__ */ icon(Undo2)
export const RefreshIcon = /* @__PURE__ */ icon(RotateCw)
export const LinkIcon = /* @__PURE__ */ icon(Link)
export const ExternalIcon = /* @__PURE__ */ icon(ExternalLink)
export const WarnIcon = /* @__PURE__ */ icon(TriangleAlert)
export const InfoIcon = /* @__PURE__ */ icon(Info)
export const ClockIcon = /* @__PURE__ */ icon(Clock)
export const LightIcon = /* @__PURE__ */ icon(Sun)
export const DarkIcon = /* @__PURE__ */ icon(Moon)
export const SystemIcon = /* @__PURE__ */ icon(Monitor)
export const KeyboardIcon = /* @__PURE__ */ icon(Keyboard)
export const UserIcon = /* @__PURE__ */ icon(User)
export const MembersIcon = /* @__PURE__ */ icon(Users)
export const TokenIcon = /* @__PURE__ */ icon(KeyRound)
export const AdminIcon = /* @__PURE__ */ icon(Shield)
export const SignOutIcon = /* @__PURE__ */ icon(LogOut)
export const ProjectIcon = /* @__PURE__ */ icon(Box)
export const ActivityIcon = /* @__PURE__ */ icon(Activity)
export const ChartIcon = /* @__PURE__ */ icon(ChartSpline)
export const TableIcon = /* @__PURE__ */ icon(Table2)
export const HistoryIcon = /* @__PURE__ */ icon(History)
export const DrawerIcon = /* @__PURE__ */ icon(PanelRight)
export const GripIcon = /* @__PURE__ */ icon(GripVertical)
