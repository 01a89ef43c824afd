"""Chinese: phrases written for the scenarios."""

from stream.scenarios.tongues.grammar import Tongue, Topic, bits

_WORK = Topic(
    tags=bits("打工人|周三|加班|办公室"),
    who=bits("""老板|三楼的打印机|实习生[name]|财务小姐姐|[place]来的客户|咖啡机|隔壁工位|前台
        |新来的顾问|人事"""),
    does=bits("""又安排了[what]|弄坏了[what]|群发了[what]|要求[clock]前交[what]|取消了[what]
        |给[what]贴了贴纸|忘了[what]|花光预算买了[what]|拿走了[what]|夸了半天[what]"""),
    what=bits("""关于开会的会|第[n]版表格|公共冰箱|团建活动|唯一的订书机|那盆绿萝|年终总结
        |没人填的问卷|电梯按钮|备用钥匙"""),
)
_FOOD = Topic(
    tags=bits("美食|早餐|做饭|奶茶"),
    who=bits("""奶奶|[place]的面馆|楼上邻居|室友[name]|巷口的早点摊|食堂阿姨|我家猫|卖菜大叔
        |新买的烤箱|表弟"""),
    does=bits("""烧糊了[what]|藏起了[what]|涨价卖[what]|一个人吃完[what]|打翻了[what]
        |自称发明了[what]|请我吃[what]|往里加糖的是[what]|死活不吃[what]|终于学会了[what]"""),
    what=bits("""红烧茄子|[n]个煎饺|最后一块桂花糕|酸豆角|皮蛋瘦肉粥|葱油拌面|臭豆腐|冰糖葫芦
        |凉拌木耳|番茄炒蛋"""),
)
_ROAD = Topic(
    tags=bits("地铁|堵车|通勤|下雨"),
    who=bits("""[clock]的高铁|[n]路公交|出租车师傅|抱着古筝的大爷|闸机|我的自行车|站台上的鸽子
        |检票员|共享单车|扶梯"""),
    does=bits("""堵住了[what]|吞了[what]|路过了[what]|为[what]道歉|一直在等[what]|撞上了[what]
        |广播说[what]|绕开了[what]|对着唱歌的是[what]|捡到了[what]"""),
    what=bits("""[place]站|我的月票|整整三站|老桥|春游的小学生|别人的雨伞|没人施工的工地
        |最后一节车厢|信号故障|半个菜市场"""),
)
_SHOW = Topic(
    tags=bits("追剧|综艺|电影|大结局"),
    who=bits("编剧|反派|主持人|我姨妈|男主的狗|评委|第[n]集|侦探|配音老师|花匠"),
    does=bits("""揭穿了[what]|毁了[what]|继承了[what]|看哭在[what]|模仿[what]|弄丢了[what]
        |重写了[what]|误会了[what]|剪掉了[what]|赢走了[what]"""),
    what=bits("遗嘱|灯塔那场戏|那顶假发|失散的双胞胎|婚礼|片头曲|错的嫌疑人|老宅|奖杯|日记本"),
)

TONGUE = Tongue(
    code="zh",
    script="Han",
    share=3,
    space="",
    pause="，",
    stop="。",
    topics=(_SHOW, _FOOD, _WORK, _ROAD),
    tails=bits("""从早上到现在|第[n]次了|当着所有人|在[place]|招呼都不打|听[name]说的|还没到[clock]
        |老样子|外面下冰雹呢|没人吭声|还是直播|整整一周|一脸淡定|大周三的|觉都不睡|我居然挺喜欢
        |穿着拖鞋|又来"""),
    openers=bits("""说真的|朋友们|提醒一下|第[n]天|[place]现场报道|认真问|不好意思但是|总结|救命
        |[name]说对了|顺便|家里头条|确认了|等等"""),
    remarks=bits("""我需要午睡|[name]又要得意了|谁欠我[n]块钱|我妈早说过|我要搬去[place]
        |[clock]再问我|求寄饼干|没有别的问题了|现在还在笑|家庭群炸了|替我问[name]好|可惜你们不在场
        |值了|一年比一年离谱|目击者[n]人|证据我留着|气都气不起来"""),
    shorts=bits("哈哈哈|同感|不|是的|啥|终于|天哪|谢谢|晚安|谁干的|绝了|哭了|对|救命|可以"),
    greetings=bits("早上好|大家早上好|早安|周三快乐|[place]早安|早，先来杯豆浆|祝大家今天顺利"),
    names=bits("小芳|志强|婉婷|建国|梓涵|大勇|秀兰|子轩|雨桐|阿明"),
    places=bits("成都|洛阳|厦门|台南|昆明|青岛|苏州|槟城|桂林|大连|西宁|温州"),
)
